package main

import "github.com/cespare/xxhash/v2"

func main() { println(xxhash.Sum64String("hello")) }
