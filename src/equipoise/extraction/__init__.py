"""From what a source reports to what an analysis needs, each conversion recorded."""
