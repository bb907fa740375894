"""What was found, for use without egraph."""
