package sagacheck

// Plain is the world without the reductions that choose among steps: every state that differs in what its groups mind is visited.
func Plain(w World) World {
	w.plain = true
	return w
}
