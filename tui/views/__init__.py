"""The views: pure functions from `State` and `Snap` to rows of the frame."""
