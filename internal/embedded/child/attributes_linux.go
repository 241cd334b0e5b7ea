package child

import "syscall"

func attributes(c *syscall.Credential, farewell syscall.Signal) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: farewell, Credential: c}
}
