"""The command line of the engine; heavy parts are imported by the command that needs them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal, NoReturn

import typer

from decision_engine.core.limits import Foresight

app = typer.Typer(
    name="edgeshift",
    help="Watches a fleet of edge-AI devices through Prometheus, forecasts overload and moves AI workloads before it happens.",
    epilog="Example: edgeshift lab --devices 8 --duration 120",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
catalog_app = typer.Typer(
    help="Reads the catalogue of devices, cameras, packages and workloads.",
    epilog="Example: edgeshift catalog targets --config edgeshift.yaml",
    no_args_is_help=True,
)
app.add_typer(catalog_app, name="catalog")

ConfigOption = Annotated[Path, typer.Option("--config", "-c", help="Settings file.", envvar="EDGESHIFT_CONFIG")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for a program to read.")]
BreakOption = Annotated[
    list[str] | None,
    typer.Option(
        "--break", metavar="PART:WHEN:SECONDS", help="Kill prometheus or engine on purpose, such as prometheus:40:30 or engine:move:2."
    ),
]
LanguageOption = Annotated[Literal["en", "ko"], typer.Option(help="Language of the sentences.")]
DEFAULT_CONFIG = Path("edgeshift.yaml")
COMMAND_LINE = "COMMANDLINE"
"""What the library calls a word that was typed, and neither a default nor from the environment."""


@app.command(epilog="Example: edgeshift lab --devices 8 --duration 120 --seed 1 --headless --json")
def lab(
    devices: Annotated[int, typer.Option(min=3, max=64, help="Simulated edges, besides one analysis server and this machine.")] = 8,
    duration: Annotated[
        float, typer.Option(min=20, max=86_400, help="Seconds after which it ends by itself; Ctrl-C ends it sooner.")
    ] = 180.0,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same loads.")] = 1,
    headless: Annotated[bool, typer.Option("--headless", help="No live view; one line per event.")] = False,
    virtual: Annotated[bool, typer.Option("--virtual", help="Virtual time: no sockets, no processes, done in seconds.")] = False,
    keep: Annotated[Path | None, typer.Option(help="Keep the lab's files (settings, journal, logs) in this folder.")] = None,
    breaks: BreakOption = None,
    emulated: Annotated[
        int, typer.Option(min=0, max=16, metavar="N", help="Further edges that are emulated Jetson boards, each with a real exporter.")
    ] = 0,
    story: Annotated[
        str, typer.Option(metavar="NAME", help="Another story than an overload, with --virtual; --story list names them.")
    ] = "",
    json: JsonOption = False,
) -> None:
    """Run the whole loop on this machine: real Prometheus, a simulated fleet, and this machine as one real edge."""
    from decision_engine.lab.run import LabRequest, run_lab

    if virtual and breaks:
        raise typer.BadParameter("--break kills real processes, and with --virtual there are none")
    if story:
        _refuse_story(story, virtual)
    if virtual and emulated:
        raise typer.BadParameter("--emulated starts real processes, and with --virtual there are none")
    request = LabRequest(
        devices=devices,
        duration_seconds=duration,
        seed=seed,
        headless=headless or json,
        virtual=virtual,
        keep=keep,
        json=json,
        breaks=tuple(breaks or ()),
        emulated=emulated,
        story=story,
    )
    sys.exit(run_lab(request))


def _refuse_story(name: str, virtual: bool) -> None:
    """Say which stories there are where there is no such one, or where it cannot be told."""
    from exporters.simulated.tales import TALES

    known = ", ".join(sorted(TALES))
    if name == "list":
        typer.echo(known)
        raise typer.Exit
    if name not in TALES:
        raise typer.BadParameter(f"there is no story {name}; there are {known}")
    if not virtual:
        raise typer.BadParameter(f"the story {name} is told in virtual time only so far; add --virtual")


@app.command(
    epilog="Example: edgeshift exporter --listen 10.0.0.7:9750",
    add_help_option=False,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)
def exporter(context: typer.Context) -> None:
    """Serve the metrics of this machine and its AI programs to Prometheus; runs on the devices and needs no engine."""
    # The console script hands these words over before they come here, so that a device needs none of the engine's libraries.
    from exporters.cli import main as run_on_device

    sys.exit(run_on_device(["exporter", *context.args]))


@app.command(
    epilog="Example: edgeshift bridge --help",
    add_help_option=False,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)
def bridge(context: typer.Context) -> None:
    """Take what AI programs of the field post today and turn it into metrics; needs no engine either."""
    from exporters.cli import main as run_on_device

    sys.exit(run_on_device(["bridge", *context.args]))


@app.command(epilog="Example: edgeshift serve --config edgeshift.yaml")
def serve(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Run the engine and its service until stopped."""
    from decision_engine.serving import serve_until_stopped

    sys.exit(serve_until_stopped(config))


@app.command(epilog="Example: edgeshift once --config edgeshift.yaml --json")
def once(config: ConfigOption = DEFAULT_CONFIG, json: JsonOption = False) -> None:
    """Observe once, look twice, and print what would be done; nothing is done and nothing is written down."""
    from decision_engine.once import print_once

    sys.exit(print_once(config, json))


@app.command(epilog="Example: edgeshift explain 3f9a0c12de --config edgeshift.yaml")
def explain(
    decision: Annotated[str, typer.Argument(help="Id of a decision, or its first characters (four or more) where no other begins so.")],
    config: ConfigOption = DEFAULT_CONFIG,
    language: LanguageOption = "en",
    json: JsonOption = False,
) -> None:
    """Tell why a decision was made: evidence, forecast, alternatives and what came of it."""
    from decision_engine.explanation import print_explanation

    sys.exit(print_explanation(config, decision, language, json))


@app.command(epilog="Example: edgeshift check --config edgeshift.yaml")
def check(config: ConfigOption = DEFAULT_CONFIG, json: JsonOption = False) -> None:
    """Check settings, catalogue, reachability and metric presence; one line each, with what to do."""
    from decision_engine.check import print_checks

    sys.exit(print_checks(config, json))


@app.command(
    epilog="Example: edgeshift backtest --traces traces --limit p95 --method learned --max-points 2000"
    "\n\nExample: edgeshift backtest --traces traces --history 240 --horizons 3,6"
    "\n\nExample: edgeshift backtest --prometheus http://127.0.0.1:9090 --query edge_cpu_usage_ratio"
    " --from 2030-05-01T06:00 --to 2030-05-02T06:00 --step 30 --json"
)
def backtest(
    context: typer.Context,
    traces: Annotated[
        Path | None,
        typer.Option(
            envvar="EDGESHIFT_TRACES",
            help="Folder of .parquet or .csv files: series_id, timestamp (in seconds), value (a share of capacity, 0 to 1).",
        ),
    ] = None,
    prometheus: Annotated[str, typer.Option(metavar="URL", help="Read a range of this Prometheus instead of files.")] = "",
    query: Annotated[str, typer.Option(metavar="PROMQL", help="What to read there.")] = "",
    start: Annotated[str, typer.Option("--from", metavar="TIME", help="Unix seconds or such as 2030-05-01T06:00 (UTC).")] = "",
    end: Annotated[str, typer.Option("--to", metavar="TIME", help="Likewise; included.")] = "",
    step: Annotated[str, typer.Option(metavar="SECONDS", help="Distance of two columns, such as 30 or 5m.")] = "",
    dataset: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Only this file of the folder; may be repeated.")] = None,
    method: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Only this method; may be repeated.")] = None,
    limit: Annotated[str, typer.Option(help="Load that counts as overload, or p95: each series' own rare level.")] = "0.8",
    horizons: Annotated[str, typer.Option(help="Steps ahead, rising.")] = "1,3,6,12",
    probability: Annotated[
        float,
        typer.Option(min=0, max=1, help="The figures «as it acts» alarm from this probability on; the default is the engine's own."),
    ] = Foresight().probability,
    history: Annotated[
        int,
        typer.Option(
            min=0,
            metavar="COLUMNS",
            help="Columns of the past that a method is handed at most; 0: a day and one column, or 192 where no day was recorded. "
            "An engine keeps two hours unless told otherwise, 240 columns of 30 s, and then knows nothing of yesterday.",
        ),
    ] = 0,
    max_series: Annotated[int, typer.Option(min=0, help="Series of each source at most, drawn at random but always the same; 0: all.")] = 0,
    max_points: Annotated[int, typer.Option(min=0, help="Columns of each source at most, from the beginning; 0: all.")] = 0,
    json: JsonOption = False,
    out: Annotated[Path | None, typer.Option(help="Write table or JSON to this file.")] = None,
    figure: Annotated[Path | None, typer.Option(help="Draw the means as SVG into this file; needs a method with a probability.")] = None,
) -> None:
    """Hold every forecasting method against recorded loads: nearness, bounds, events foreseen, false alarms, cost."""
    from decision_engine.backtest.reading import Extent
    from decision_engine.backtest.request import BacktestRequest, PrometheusRange
    from decision_engine.backtest.run import print_backtest

    typed = {name for name in context.params if getattr(context.get_parameter_source(name), "name", "") == COMMAND_LINE}
    request = BacktestRequest(
        traces=None if prometheus and "traces" not in typed else traces,
        prometheus=PrometheusRange(prometheus, query, start, end, step),
        datasets=tuple(dataset or ()),
        methods=tuple(method or ()),
        limit=limit,
        horizons=horizons,
        probability=probability if "probability" in typed else None,
        history_columns=history,
        extent=Extent(max_series, max_points),
        json=json,
        out=out,
        figure=figure,
    )
    sys.exit(print_backtest(request))


@catalog_app.command("targets", epilog="Example: edgeshift catalog targets --config edgeshift.yaml --output /etc/prometheus/edgeshift.json")
def catalog_targets(
    config: ConfigOption = DEFAULT_CONFIG,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write this file for file_sd instead of printing.")] = None,
) -> None:
    """Print the scrape targets that the catalogue makes, in Prometheus' file_sd form."""
    import json as json_format

    from decision_engine.catalog.store import CatalogError, YamlCatalogStore
    from decision_engine.catalog.targets import scrape_targets, write_targets
    from decision_engine.config import ConfigError, load_settings

    try:
        catalog, _ = YamlCatalogStore(load_settings(config).catalog).load()
    except (ConfigError, CatalogError) as error:
        _fail(error.errors)
    if output is None:
        typer.echo(json_format.dumps(scrape_targets(catalog), indent=2, ensure_ascii=False))
        return
    try:
        write_targets(catalog, output)
    except OSError as error:
        _fail((f"{output} cannot be written: {error.strerror}",))


def _fail(errors: tuple[str, ...]) -> NoReturn:
    for line in errors:
        typer.echo(line, err=True)
    raise typer.Exit(1)
