package kitchen_test

import (
	"reflect"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"tiffin/consumers/kitchen"
	"tiffin/internal/testservers"
	"tiffin/saga/lane"
)

func TestRestaurants(t *testing.T) {
	url := testservers.Postgres(t)
	if err := lane.Migrate(t.Context(), url, "", kitchen.Group(kitchen.Config{}), kitchen.Migrations); err != nil {
		t.Fatal(err)
	}
	db, err := pgxpool.New(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(t.Context(), `insert into kitchen.rooms (restaurant_id, name, city, places, free, busy) values
		('r2', 'Udupi', 'mumbai', 4, 1, 3), ('r1', 'Dosa Corner', 'pune', 0, 0, 0), ('r3', '', '', 0, 0, 0)`); err != nil { // the last never opened
		t.Fatal(err)
	}
	want := []kitchen.Room{{RestaurantID: "r1", Name: "Dosa Corner", City: "pune"}, {RestaurantID: "r2", Name: "Udupi", City: "mumbai", Places: 4, Free: 1, Busy: 3}}
	if all, err := kitchen.Restaurants(t.Context(), db); err != nil || !reflect.DeepEqual(all, want) {
		t.Errorf("got %+v, %v, want %+v", all, err, want)
	}
	if room, found, err := kitchen.Restaurant(t.Context(), db, "r2"); err != nil || !found || room != want[1] {
		t.Errorf("r2: %+v, %v, %v", room, found, err)
	}
	for _, id := range []string{"r3", "r4"} {
		if room, found, err := kitchen.Restaurant(t.Context(), db, id); err != nil || found {
			t.Errorf("%s: %+v, %v, %v", id, room, found, err)
		}
	}
}
