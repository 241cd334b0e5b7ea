package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/labstack/echo/v4"
	"golang.org/x/sync/errgroup"

	"tiffin/consumers"
	"tiffin/consumers/notification"
	"tiffin/internal/embedded/child"
	"tiffin/internal/testservers/server"
	"tiffin/producers/api"
	"tiffin/saga"
	"tiffin/saga/kafka"
	"tiffin/saga/lane"
	"tiffin/schemas"
)

// What the bench serves when it is its own child: that which is not in the binary.
const (
	serveNoop   = "noop"   // a like's handler that does nothing but answer 202
	serveGroups = "groups" // all groups of an order, with batches of a size
)

// startSelf starts this program again as one of those.
func (l *lab) startSelf(ctx context.Context, what string, args ...string) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	addr, err := server.FreeAddr(ctx)
	if err != nil {
		return nil, err
	}
	return l.start(ctx, child.Command{Path: self, Args: append([]string{"-serve=" + what, addr}, args...)}, addr)
}

// serve is what startSelf starts: it serves until it is killed.
func serve(ctx context.Context, what string, args []string) error {
	listener, err := net.Listen("tcp", args[0])
	if err != nil {
		return err
	}
	e := api.New(api.Config{Name: what})
	work, ctx := errgroup.WithContext(ctx)
	switch what {
	case serveNoop:
		e.POST("/posts/:postId/likes", func(c echo.Context) error {
			c.Response().Header().Set(echo.HeaderLocation, "/posts/"+c.Param("postId")+"/likes")
			return c.Blob(http.StatusAccepted, echo.MIMEApplicationJSON, []byte(`{"postId":"wrk-1","userId":"u1234567","status":"accepted"}`+"\n"))
		})
	case serveGroups:
		if len(args) != 5 {
			return fmt.Errorf("serve groups: want address, broker, prefix, database, size of batches; not %q", args)
		}
		batch, err := strconv.Atoi(args[4])
		if err != nil {
			return err
		}
		work.Go(func() error { return runGroups(ctx, args[1], args[2], args[3], batch) })
	default:
		return fmt.Errorf("there is no %q to serve", what)
	}
	work.Go(func() error { return api.Serve(ctx, listener, e) })
	return work.Wait()
}

// orderGroups are those that hear of orders.
const orderGroups = "inventory,payments,fraud,kitchen,delivery,orders,notification,analytics"

// runGroups runs these, as the binary does but for the size of batches.
func runGroups(ctx context.Context, broker, prefix, url string, batch int) error {
	client, err := kafka.Open(kafka.Config{Brokers: []string{broker}, TopicPrefix: prefix})
	if err != nil {
		return err
	}
	defer client.Close()
	mail, err := pgxpool.New(ctx, url)
	if err != nil {
		return err
	}
	defer mail.Close()
	all, err := consumers.All(consumers.Config{Notify: notification.Config{Channel: notification.NewMailbox(mail)}})
	if err != nil {
		return err
	}
	var groups []*saga.Group
	for _, c := range all {
		if c.Name() == "likes" {
			continue
		}
		if err := lane.Migrate(ctx, url, prefix, c.Group, c.Migrations); err != nil {
			return err
		}
		groups = append(groups, c.Group)
	}
	return lane.Run(ctx, lane.Config{Kafka: client, DatabaseURL: url, MaxBatch: batch}, groups...)
}

// people are a restaurant, a cook and a courier who answer at once: the simulator of the binary takes its time, as people do.
func people() *saga.Group {
	return saga.Define("outside", nil,
		saga.On(func(e saga.Event[schemas.KitchenAsked]) []saga.Fact {
			return saga.Say(schemas.RestaurantAccepted{OrderID: e.Key})
		}, saga.Says[schemas.RestaurantAccepted]()),
		saga.On(func(e saga.Event[schemas.KitchenAccepted]) []saga.Fact {
			return saga.Say(schemas.MealCooked{OrderID: e.Key})
		}, saga.Says[schemas.MealCooked]()),
		saga.On(func(e saga.Event[schemas.DeliveryScheduled]) []saga.Fact {
			return saga.Say(schemas.CourierDelivered{OrderID: e.Key})
		}, saga.Says[schemas.CourierDelivered]()))
}
