cronium_output '"never stored"'
