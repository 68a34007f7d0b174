#!/bin/sh

# No service starts in a build.
exit 101
