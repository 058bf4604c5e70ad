"""Parts for lit_samseg from outside of it, one file each (docs/extend.md)."""
