package saga

// Outside declares somebody who is no group and says facts: an API, a person, another system. Nobody runs it, so it is not for
// a runtime; it completes the choreography, so that this can be checked, drawn and explored:
//
//	saga.Outside("orders-api", saga.Begins[OrderPlaced](), saga.Begins[CancellationRequested]())
//	saga.Outside("courier", saga.Answers(ride, saga.Says[CourierDelivered](), saga.Says[CourierFailed]()))
func Outside(name string, parts ...Part) *Group {
	g := Define(name, nil, parts...)
	g.outside = true
	for _, r := range g.reactions {
		if r.Role != RoleBegins && r.Role != RoleAnswers {
			g.wrong("%s (%s) is a %s, and outside there are only saga.Begins and saga.Answers", r.Name, r.At, r.Role.word())
		}
	}
	return g
}

// Begins: somebody outside may say an F of their own accord.
func Begins[F Fact]() Part {
	said, at := factType[F](), caller()
	r := Reaction{Name: said.Type, Role: RoleBegins, Says: []Said{{FactType: said}}, At: place(at.file, at.line), File: at.file, Line: at.line, pkg: at.pkg}
	return func(g *Group) {
		added := r
		g.reactions = append(g.reactions, &added)
	}
}

// Answers: somebody outside who hears an E may say one of the facts that fn returns, once for each E that differs from those before, or
// stay silent; but silent for ever only where a deadline of the group that waits may pass, unless the answer is [Optional].
func Answers[E Fact](fn func(E) []Fact, options ...Option) Part {
	run := func(_ any, c Cause) []Fact { return fn(c.Fact.(E)) }
	return part(RoleAnswers, fn, run, nil, append([]Option{Upon[E]()}, options...))
}

// Optional: an [Answers] may stay away for ever, even where no deadline passes.
func Optional() Option { return func(r *Reaction) { r.Optional = true } }

// Announces: the reaction may say an F, and nobody in the choreography needs to hear it: it is for others to know. What the
// fact means for the act may stand beside it: [Fails], [ClosesWith].
func Announces[F Fact]() Option {
	return func(r *Reaction) { r.say(Said{FactType: factType[F](), Final: true}) }
}

// Shared: other groups may say an F too. It is for what each of several groups says of itself; any other fact has one
// group that says it.
func Shared[F Fact]() Part {
	return func(g *Group) { g.shares = append(g.shares, factType[F]().Type) }
}

// Outside says whether this is somebody outside, and no group: a declaration made by [Outside].
func (g *Group) Outside() bool { return g.outside }

// Answers are the facts with one of which an [Answers] may answer this one.
func (r *Reaction) Answers(f Fact) []Fact { return r.run(nil, Cause{Fact: f}) }
