#!/usr/bin/env bash
cronium_output '"first"'
cronium_output '{"second":2}'
