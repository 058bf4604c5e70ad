"""Masks that are pictures: what their numbers and colours stand for, and how they are written again."""
