"""From an archive to a tracker and back: imports, exports, and the undo of an import."""
