"""A folder of pictures and one of masks in, better masks out in the same form, and a page that says where to look."""
