//go:build !unix

package main

import "errors"

const posix = false

func dropPrivileges() {}

func interruptSelf() error { return errors.New("no signals here") }
