"""What may be chosen about the viewer."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DEFAULTS", "ViewerOptions"]


@dataclass(frozen=True, slots=True)
class ViewerOptions:
    """How to paint."""

    color: str = "auto"
    """auto, mono, 16, 256 or truecolor."""
    mouse: bool = True
    glyphs: str = "auto"
    """auto, unicode or ascii."""
    sync: bool = True
    """Tell the terminal where a frame begins and ends (mode 2026)."""
    fps: float | None = None
    """Frames a second for data; None: 30, or 12 over SSH."""


DEFAULTS = ViewerOptions()
