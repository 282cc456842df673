#!/usr/bin/env bash
cronium_input | cronium_output -
