#!/usr/bin/env bash
cronium_input
