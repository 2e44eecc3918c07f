"""Speed and scale, side by side with others, and the demo."""
