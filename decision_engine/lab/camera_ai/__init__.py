"""One honest small AI program for the lab: it looks at a made camera picture and says where objects are, and how surely."""
