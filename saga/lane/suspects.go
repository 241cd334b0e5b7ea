package lane

// suspect narrows down which event PostgreSQL refuses: the batch's are suspects, and batches get smaller until one that
// fails has just one task.
func (l *loop) suspect(b *batch, err error) {
	if !dataFault(err) || len(b.tasks) == 0 {
		return
	}
	if len(b.tasks) > 1 {
		l.suspects = map[eventID]bool{}
		for _, t := range b.tasks {
			switch {
			case t.event != nil:
				l.suspects[t.event.id()] = true
			case t.cause.Attempt != nil:
				l.suspectEffects[t.cause.Attempt.ID] = true
			}
		}
		l.limit = max(1, len(b.tasks)/2)
		return
	}
	switch t := b.tasks[0]; {
	case t.parked != 0:
		l.condemnedParked[t.parked] = err.Error()
	case t.event != nil:
		l.condemned[t.event.id()] = err.Error()
	case t.cause.Attempt != nil:
		l.condemnedEffects[t.cause.Attempt.ID] = err.Error()
		delete(l.suspectEffects, t.cause.Attempt.ID)
	default:
		l.spoiled[t.cause.Key] = l.now().Add(spoiledFor)
	}
	l.suspects, l.limit = nil, l.MaxBatch
}

// clear notes that the batch was saved: its events are no suspects. When none is left, batches may grow again.
func (l *loop) clear(b *batch) {
	for _, t := range b.tasks {
		if t.event != nil {
			delete(l.suspects, t.event.id())
			delete(l.condemned, t.event.id())
		}
	}
	for _, p := range b.park {
		id := eventID{p.Topic, p.Lane, p.Offset}
		delete(l.suspects, id)
		delete(l.condemned, id)
	}
	if len(l.suspects) == 0 {
		l.limit = min(2*l.limit, l.MaxBatch)
	}
}
