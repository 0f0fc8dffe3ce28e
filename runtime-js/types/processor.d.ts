// processor
