"""What a correct kernel does, as pytest tests: one file a chapter, a fixture for each kernel."""
