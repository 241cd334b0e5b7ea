//go:build !linux

package spool

// Sync asks the drive itself, where the system has a way to.
func (f diskFile) Sync() error { return f.File.Sync() }
