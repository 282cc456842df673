#!/usr/bin/env bash
cronium_context
