"""Word alignment: which word of a sentence translates which word of another one."""
