"""The authority's side: the federation's registry, and every act on it."""
