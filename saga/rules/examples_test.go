package rules_test

import (
	"slices"
	"time"

	"tiffin/saga"
)

// example is a mistake, and the same without it.
type example struct{ bad, good func() saga.Choreography }

// examples are those of each rule. Their bodies stand in RULES.md.
func examples() map[string]example {
	return map[string]example{
		"same-name":             {badSameName, goodSameName},
		"unheard-fact":          {badUnheardFact, goodUnheardFact},
		"heard-announcement":    {badHeardAnnouncement, goodHeardAnnouncement},
		"unsaid-fact":           {badUnsaidFact, goodUnsaidFact},
		"two-speakers":          {badTwoSpeakers, goodTwoSpeakers},
		"two-topics":            {badTwoTopics, goodTwoTopics},
		"fact-without-schema":   {badFactWithoutSchema, goodFactWithoutSchema},
		"schema-without-fact":   {badSchemaWithoutFact, goodSchemaWithoutFact},
		"missing-topic":         {badMissingTopic, goodMissingTopic},
		"unequal-partitions":    {badUnequalPartitions, goodUnequalPartitions},
		"mute-do":               {badMuteDo, goodMuteDo},
		"no-undo":               {badNoUndo, goodNoUndo},
		"never-settled":         {badNeverSettled, goodNeverSettled},
		"dead-undo":             {badDeadUndo, goodDeadUndo},
		"once-again":            {badOnceAgain, goodOnceAgain},
		"silent-judge":          {badSilentJudge, goodSilentJudge},
		"two-judges":            {badTwoJudges, goodTwoJudges},
		"undo-upon-undo":        {badUndoUponUndo, goodUndoUponUndo},
		"verdict-on-two-topics": {badVerdictOnTwoTopics, goodVerdictOnTwoTopics},
		"foreign-deadline":      {badForeignDeadline, goodForeignDeadline},
		"wait-without-deadline": {badWaitWithoutDeadline, goodWaitWithoutDeadline},
		"nameless-wait":         {badNamelessWait, goodNamelessWait},
		"life-too-short":        {badLifeTooShort, goodLifeTooShort},
		"no-owner":              {badNoOwner, goodNoOwner},
		"path-without-end":      {badPathWithoutEnd, goodPathWithoutEnd},
		"endless-cycle":         {badEndlessCycle, goodEndlessCycle},
	}
}

func badSameName() saga.Choreography {
	return shop(
		saga.Define("numbers", saga.Documents(points), saga.On(count)),
		saga.Define("numbers", saga.Documents(points), saga.Does(earn, saga.Closes(), saga.Silently())))
}

func goodSameName() saga.Choreography {
	return shop(
		saga.Define("numbers", saga.Documents(points), saga.On(count)),
		saga.Define("points", saga.Documents(points), saga.Does(earn, saga.Closes(), saga.Silently())))
}

func badUnheardFact() saga.Choreography {
	return shop(saga.Define("points", saga.Documents(points),
		saga.Does(earn, saga.Closes(), saga.Says[PointsEarned]())))
}

func goodUnheardFact() saga.Choreography {
	return shop(saga.Define("points", saga.Documents(points),
		saga.Does(earn, saga.Closes(), saga.Announces[PointsEarned]())))
}

func badHeardAnnouncement() saga.Choreography {
	return shop(
		saga.Define("points", saga.Documents(points),
			saga.Does(earn, saga.Closes(), saga.Announces[PointsEarned]())),
		saga.Define("letters", saga.Documents(orders),
			saga.Does(thank, saga.Closes(), saga.Silently())))
}

func goodHeardAnnouncement() saga.Choreography {
	return shop(
		saga.Define("points", saga.Documents(points),
			saga.Does(earn, saga.Closes(), saga.Says[PointsEarned]())),
		saga.Define("letters", saga.Documents(orders),
			saga.Does(thank, saga.Closes(), saga.Silently())))
}

func badUnsaidFact() saga.Choreography {
	return shop(saga.Define("points", saga.Documents(points),
		saga.Does(earnUponDelivery, saga.Closes(), saga.Announces[PointsEarned]())))
}

func goodUnsaidFact() saga.Choreography {
	return shop(
		saga.Outside("customer", saga.Begins[ParcelDelivered]()),
		saga.Define("points", saga.Documents(points),
			saga.Does(earnUponDelivery, saga.Closes(), saga.Announces[PointsEarned]())))
}

func badTwoSpeakers() saga.Choreography {
	return shop(
		saga.Outside("customer", saga.Begins[ErasureRequested]()),
		saga.Define("letters", saga.Documents(orders),
			saga.On(forgetName, saga.Announces[DataErased]())),
		saga.Define("points", saga.Documents(points),
			saga.On(forgetPoints, saga.Announces[DataErased]())))
}

func goodTwoSpeakers() saga.Choreography {
	return shop(
		saga.Outside("customer", saga.Begins[ErasureRequested]()),
		saga.Define("letters", saga.Documents(orders),
			saga.Shared[DataErased](),
			saga.On(forgetName, saga.Announces[DataErased]())),
		saga.Define("points", saga.Documents(points),
			saga.Shared[DataErased](),
			saga.On(forgetPoints, saga.Announces[DataErased]())))
}

func badTwoTopics() saga.Choreography {
	// func (LegacyOrderPlaced) EventType() string { return "order.placed" }
	// func (LegacyOrderPlaced) Topic() string     { return "others" }
	return shop(saga.Define("numbers", saga.Documents(points), saga.On(countLegacy)))
}

func goodTwoTopics() saga.Choreography {
	return shop(saga.Define("numbers", saga.Documents(points), saga.On(count)))
}

func badFactWithoutSchema() saga.Choreography {
	c := shop()
	c.Schemas = slices.DeleteFunc(schemas(), func(t string) bool { return t == "parcel.sent" })
	return c
}

func goodFactWithoutSchema() saga.Choreography {
	c := shop()
	c.Schemas = schemas()
	return c
}

func badSchemaWithoutFact() saga.Choreography {
	c := shop()
	c.Schemas = append(schemas(), "order.archived")
	return c
}

func goodSchemaWithoutFact() saga.Choreography {
	c := shop()
	c.Schemas = schemas()
	return c
}

func badMissingTopic() saga.Choreography {
	c := shop()
	c.Partitions = map[string]int{"orders": 12, "stock": 12, "cards": 12}
	return c
}

func goodMissingTopic() saga.Choreography {
	c := shop()
	c.Partitions = map[string]int{"orders": 12, "stock": 12, "cards": 12, "parcels": 12}
	return c
}

func badUnequalPartitions() saga.Choreography {
	c := shop(saga.Define("numbers", saga.Documents(points), saga.On(count), saga.On(forgetPoints)),
		saga.Outside("customer", saga.Begins[ErasureRequested]()))
	c.Partitions = map[string]int{"orders": 12, "stock": 12, "cards": 12, "parcels": 12, "others": 6}
	return c
}

func goodUnequalPartitions() saga.Choreography {
	c := shop(saga.Define("numbers", saga.Documents(points), saga.On(count), saga.On(forgetPoints)),
		saga.Outside("customer", saga.Begins[ErasureRequested]()))
	c.Partitions = map[string]int{"orders": 12, "stock": 12, "cards": 12, "parcels": 12, "others": 12}
	return c
}

func badMuteDo() saga.Choreography {
	return shop(saga.Define("points", saga.Documents(points),
		saga.Does(earn, saga.Closes())))
}

func goodMuteDo() saga.Choreography {
	return shop(saga.Define("points", saga.Documents(points),
		saga.Does(earn, saga.Closes(), saga.Silently())))
}

func badNoUndo() saga.Choreography {
	return shop(saga.Define("stock", saga.Documents(reservations),
		saga.Does(reserve, saga.Refuses(outOfStock), saga.Says[StockReserved](), saga.Fails[StockRejected]()),
		saga.Then(sell, saga.Closes()),
		saga.Undoes(release, saga.Upon[CardDeclined](), saga.Says[StockReleased]())))
}

func goodNoUndo() saga.Choreography {
	return shop(saga.Define("stock", saga.Documents(reservations),
		saga.Does(reserve, saga.Refuses(outOfStock), saga.Says[StockReserved](), saga.Fails[StockRejected]()),
		saga.Then(sell, saga.Closes()),
		saga.Undoes(release, saga.Upon[CardDeclined](), saga.Upon[ParcelStopped](), saga.Says[StockReleased]())))
}

func badNeverSettled() saga.Choreography {
	return shop(saga.Define("cards", saga.Documents(charges),
		saga.Does(charge, saga.Refuses(decline), saga.Says[CardCharged](), saga.Fails[CardDeclined]()),
		saga.Undoes(refund, saga.Upon[ParcelStopped](), saga.Says[CardRefunded]())))
}

func goodNeverSettled() saga.Choreography {
	return shop(saga.Define("cards", saga.Documents(charges),
		saga.Does(charge, saga.Refuses(decline), saga.Says[CardCharged](), saga.Fails[CardDeclined]()),
		saga.Then(keep, saga.Closes()),
		saga.Undoes(refund, saga.Upon[ParcelStopped](), saga.Says[CardRefunded]())))
}

func badDeadUndo() saga.Choreography {
	return shop(saga.Define("points", saga.Documents(points),
		saga.Does(earnUponCharge, saga.Refuses(earnNothing), saga.Closes(), saga.Announces[PointsEarned]()),
		saga.Undoes(takeBack, saga.Upon[ParcelStopped]())))
}

func goodDeadUndo() saga.Choreography {
	return shop(saga.Define("points", saga.Documents(points),
		saga.Does(earnUponCharge, saga.Refuses(earnNothing), saga.Announces[PointsEarned]()),
		saga.Then(keepPoints, saga.Closes()),
		saga.Undoes(takeBack, saga.Upon[ParcelStopped]())))
}

func badOnceAgain() saga.Choreography {
	return shop(saga.Define("points", saga.Documents(points),
		saga.Once(saga.AllOf(saga.Heard[CardCharged](), saga.Heard[ParcelSent]()), earnOnce, saga.Announces[PointsEarned]())))
}

func goodOnceAgain() saga.Choreography {
	return shop(saga.Define("points", saga.Documents(points),
		saga.Once(saga.AllOf(saga.Heard[CardCharged](), saga.Heard[ParcelSent]()), earnOnce, saga.Closes(), saga.Announces[PointsEarned]())))
}

func badSilentJudge() saga.Choreography {
	return shop(saga.Define("parcels", saga.Documents(packages),
		saga.Does(pack, saga.Refuses(dontPack), saga.Says[ParcelPacked](), saga.Fails[ParcelStopped]()),
		saga.Within(time.Hour,
			saga.Then(send, saga.Pivots(), saga.Says[ParcelSent]()),
			saga.Then(turnBack, saga.Fails[ParcelStopped]()),
			saga.Else(giveUp, saga.Fails[ParcelStopped]())),
		saga.Undoes(stop, saga.Upon[StopRequested](), saga.TooLate(refuseToStop),
			saga.Says[ParcelStopped](), saga.Announces[StopRefused]())))
}

func goodSilentJudge() saga.Choreography {
	return shop(saga.Define("parcels", saga.Documents(packages),
		saga.Does(pack, saga.Refuses(dontPack), saga.Says[ParcelPacked](), saga.Fails[ParcelStopped]()),
		saga.Within(time.Hour,
			saga.Then(send, saga.Pivots(), saga.Says[ParcelSent]()),
			saga.Then(turnBack, saga.Fails[ParcelStopped]()),
			saga.Else(giveUp, saga.Fails[ParcelStopped]())),
		saga.Undoes(stop, saga.EvenIfNothing(), saga.Upon[StopRequested](), saga.TooLate(refuseToStop),
			saga.Says[ParcelStopped](), saga.Announces[StopRefused]())))
}

func badTwoJudges() saga.Choreography {
	return shop(saga.Define("cards", saga.Documents(charges),
		saga.Does(charge, saga.Refuses(decline), saga.Says[CardCharged](), saga.Fails[CardDeclined]()),
		saga.Then(keep, saga.Closes()),
		saga.Undoes(refund, saga.Upon[StopRequested](), saga.Upon[ParcelStopped](), saga.Says[CardRefunded]())))
}

func goodTwoJudges() saga.Choreography {
	return shop(saga.Define("cards", saga.Documents(charges),
		saga.Does(charge, saga.Refuses(decline), saga.Says[CardCharged](), saga.Fails[CardDeclined]()),
		saga.Then(keep, saga.Closes()),
		saga.Undoes(refund, saga.Upon[ParcelStopped](), saga.Says[CardRefunded]())))
}

func badUndoUponUndo() saga.Choreography {
	return shop(saga.Define("stock", saga.Documents(reservations),
		saga.Does(reserve, saga.Refuses(outOfStock), saga.Says[StockReserved](), saga.Fails[StockRejected]()),
		saga.Then(sell, saga.Closes()),
		saga.Undoes(release, saga.Upon[CardDeclined](), saga.Upon[CardRefunded](), saga.Says[StockReleased]())))
}

func goodUndoUponUndo() saga.Choreography {
	return shop(saga.Define("stock", saga.Documents(reservations),
		saga.Does(reserve, saga.Refuses(outOfStock), saga.Says[StockReserved](), saga.Fails[StockRejected]()),
		saga.Then(sell, saga.Closes()),
		saga.Undoes(release, saga.Upon[CardDeclined](), saga.Upon[ParcelStopped](), saga.Says[StockReleased]())))
}

func badVerdictOnTwoTopics() saga.Choreography {
	return shop(
		parcels(time.Hour, saga.Then(send, saga.Pivots(), saga.Says[ParcelSent](), saga.Says[ParcelHandedOver]())), // on topic handovers
		saga.Define("stock", saga.Documents(reservations),
			saga.Does(reserve, saga.Refuses(outOfStock), saga.Says[StockReserved](), saga.Fails[StockRejected]()),
			saga.Then(sellUponHandover, saga.Closes()),
			saga.Undoes(release, saga.Upon[CardDeclined](), saga.Upon[ParcelStopped](), saga.Says[StockReleased]())))
}

func goodVerdictOnTwoTopics() saga.Choreography {
	return shop(
		parcels(time.Hour, saga.Then(send, saga.Pivots(), saga.Says[ParcelSent](), saga.Announces[ParcelHandedOver]())),
		saga.Define("stock", saga.Documents(reservations),
			saga.Does(reserve, saga.Refuses(outOfStock), saga.Says[StockReserved](), saga.Fails[StockRejected]()),
			saga.Then(sell, saga.Closes()),
			saga.Undoes(release, saga.Upon[CardDeclined](), saga.Upon[ParcelStopped](), saga.Says[StockReleased]())))
}

func badForeignDeadline() saga.Choreography {
	return shop(saga.Define("stock", saga.Documents(reservations),
		saga.Does(reserve, saga.Refuses(outOfStock), saga.Says[StockReserved](), saga.Fails[StockRejected]()),
		saga.Within(30*time.Minute,
			saga.Then(sell, saga.Closes()),
			saga.Else(expire, saga.Closes(), saga.Says[StockReleased]())),
		saga.Undoes(release, saga.Upon[CardDeclined](), saga.Upon[ParcelStopped](), saga.Says[StockReleased]())))
}

func goodForeignDeadline() saga.Choreography {
	return shop(
		saga.Define("stock", saga.Documents(reservations),
			saga.Does(reserve, saga.Refuses(outOfStock), saga.Says[StockReserved](), saga.Fails[StockRejected]()),
			saga.Then(sell, saga.Closes()),
			saga.Undoes(release, saga.Upon[CardDeclined](), saga.Upon[ParcelStopped](), saga.Says[StockReleased]())),
		parcels(30*time.Minute, saga.Then(send, saga.Pivots(), saga.Says[ParcelSent]())))
}

func badWaitWithoutDeadline() saga.Choreography {
	return shop(saga.Define("parcels", saga.Documents(packages),
		saga.Does(pack, saga.Refuses(dontPack), saga.Says[ParcelPacked](), saga.Fails[ParcelStopped]()),
		saga.Then(send, saga.Pivots(), saga.Says[ParcelSent]()),
		saga.Then(turnBack, saga.Fails[ParcelStopped]()),
		saga.Undoes(stop, saga.EvenIfNothing(), saga.Upon[StopRequested](), saga.TooLate(refuseToStop),
			saga.Says[ParcelStopped](), saga.Announces[StopRefused]())))
}

func goodWaitWithoutDeadline() saga.Choreography {
	return shop(saga.Define("parcels", saga.Documents(packages),
		saga.Does(pack, saga.Refuses(dontPack), saga.Says[ParcelPacked](), saga.Fails[ParcelStopped]()),
		saga.Within(time.Hour,
			saga.Then(send, saga.Pivots(), saga.Says[ParcelSent]()),
			saga.Then(turnBack, saga.Fails[ParcelStopped]()),
			saga.Else(giveUp, saga.Fails[ParcelStopped]())),
		saga.Undoes(stop, saga.EvenIfNothing(), saga.Upon[StopRequested](), saga.TooLate(refuseToStop),
			saga.Says[ParcelStopped](), saga.Announces[StopRefused]())))
}

func badNamelessWait() saga.Choreography {
	return shop(saga.Define("parcels", saga.Documents(packages),
		saga.Does(pack, saga.Refuses(dontPack), saga.Says[ParcelPacked](), saga.Fails[ParcelStopped]()),
		saga.Within(time.Hour,
			saga.Then(send, saga.Pivots(), saga.Says[ParcelSent]()),
			saga.Then(turnBack, saga.Fails[ParcelStopped]()),
			saga.Else(func(p *Parcel, why saga.Cause) []saga.Fact { return giveUp(p, why) }, saga.Fails[ParcelStopped]())),
		saga.Undoes(stop, saga.EvenIfNothing(), saga.Upon[StopRequested](), saga.TooLate(refuseToStop),
			saga.Says[ParcelStopped](), saga.Announces[StopRefused]())))
}

func goodNamelessWait() saga.Choreography {
	return shop(saga.Define("parcels", saga.Documents(packages),
		saga.Does(pack, saga.Refuses(dontPack), saga.Says[ParcelPacked](), saga.Fails[ParcelStopped]()),
		saga.Within(time.Hour,
			saga.Then(send, saga.Pivots(), saga.Says[ParcelSent]()),
			saga.Then(turnBack, saga.Fails[ParcelStopped]()),
			saga.Else(giveUp, saga.Fails[ParcelStopped]())),
		saga.Undoes(stop, saga.EvenIfNothing(), saga.Upon[StopRequested](), saga.TooLate(refuseToStop),
			saga.Says[ParcelStopped](), saga.Announces[StopRefused]())))
}

func badLifeTooShort() saga.Choreography {
	return shop(
		parcels(48*time.Hour, saga.Then(send, saga.Pivots(), saga.Says[ParcelSent]())),
		saga.Define("points", saga.Documents(points),
			saga.Does(earn, saga.Refuses(earnTooLate), saga.Closes(), saga.Announces[PointsEarned](), saga.Fails[PointsForfeited](), saga.Announces[PointsForfeited]())))
}

func goodLifeTooShort() saga.Choreography {
	return shop(
		parcels(48*time.Hour, saga.Then(send, saga.Pivots(), saga.Says[ParcelSent]())),
		saga.Define("points", saga.Documents(points),
			saga.Life(72*time.Hour),
			saga.Does(earn, saga.Refuses(earnTooLate), saga.Closes(), saga.Announces[PointsEarned](), saga.Fails[PointsForfeited](), saga.Announces[PointsForfeited]())))
}

func badNoOwner() saga.Choreography {
	return shop(saga.Define("orders", saga.Documents(orders),
		saga.Once(saga.AllOf(saga.Heard[OrderPlaced](), saga.Heard[ParcelSent]()), complete, saga.Closes(), saga.Announces[OrderCompleted]()),
		saga.Once(saga.AllOf(saga.Heard[OrderPlaced](), undone), cancel, saga.Closes(), saga.Announces[OrderCancelled]())))
}

func goodNoOwner() saga.Choreography {
	return shop(saga.Define("orders", saga.Documents(orders),
		saga.Once(saga.AllOf(saga.Heard[OrderPlaced](), saga.Heard[ParcelSent]()), complete, saga.Ends[OrderCompleted]()),
		saga.Once(saga.AllOf(saga.Heard[OrderPlaced](), undone), cancel, saga.Ends[OrderCancelled]())))
}

func badPathWithoutEnd() saga.Choreography {
	undone := saga.AllOf(saga.Heard[StockReleased](), saga.AnyOf(saga.Heard[CardDeclined](), saga.Heard[CardRefunded]()))
	return shop(saga.Define("orders", saga.Documents(orders, timeline),
		saga.Records(line, saga.Uses(timeline), saga.Upon[OrderPlaced](), saga.Upon[StockRejected]()),
		saga.Once(saga.AllOf(saga.Heard[OrderPlaced](), saga.Heard[ParcelSent]()), complete, saga.Ends[OrderCompleted]()),
		saga.Once(saga.AllOf(saga.Heard[OrderPlaced](), undone), cancel, saga.Ends[OrderCancelled]())))
}

func goodPathWithoutEnd() saga.Choreography {
	undone := saga.AnyOf(saga.Heard[StockRejected](),
		saga.AllOf(saga.Heard[StockReleased](), saga.AnyOf(saga.Heard[CardDeclined](), saga.Heard[CardRefunded]())))
	return shop(saga.Define("orders", saga.Documents(orders, timeline),
		saga.Records(line, saga.Uses(timeline), saga.Upon[OrderPlaced](), saga.Upon[StockRejected]()),
		saga.Once(saga.AllOf(saga.Heard[OrderPlaced](), saga.Heard[ParcelSent]()), complete, saga.Ends[OrderCompleted]()),
		saga.Once(saga.AllOf(saga.Heard[OrderPlaced](), undone), cancel, saga.Ends[OrderCancelled]())))
}

func badEndlessCycle() saga.Choreography {
	return shop(
		saga.Define("demand", saga.Documents(points), saga.On(estimate, saga.Says[DemandChanged]())),
		saga.Define("prices", saga.Documents(points), saga.On(reprice, saga.Says[PriceChanged]())))
}

func goodEndlessCycle() saga.Choreography {
	return shop(
		saga.Define("demand", saga.Documents(points), saga.On(estimate, saga.Says[DemandChanged]())),
		saga.Define("prices", saga.Documents(points), saga.On(reprice, saga.Says[PriceChanged](), saga.Announces[PriceKept]())))
}
