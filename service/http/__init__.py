"""HTTP: what every face of Pail shares, whatever it speaks."""
