// Package scripts has loads for the tools that people already use: k6 (likes.js, orders.js) and wrk (likes.lua). Each says in its first lines
// how it is run. They show the figures that everybody knows how to read; whether each like counts, `tiffin load` verifies.
package scripts

import _ "embed"

//go:embed likes.lua
var likesByWrk string

// LikesByWrk is a script for wrk that likes posts as people do: a few posts get most of it.
func LikesByWrk() string { return likesByWrk }
