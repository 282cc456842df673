cronium_input | cronium_output -
