//go:build unix && !linux

package child

import "syscall"

// attributes has no farewell signal here: only Linux's kernel sends one. A child that was left
// behind by a kill -9 is found and ended by the next start.
func attributes(c *syscall.Credential, _ syscall.Signal) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Credential: c}
}
