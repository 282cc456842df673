#!/usr/bin/env bash
cronium_output '"never stored"'
