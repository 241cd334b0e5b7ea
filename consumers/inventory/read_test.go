package inventory_test

import (
	"reflect"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"tiffin/consumers/inventory"
	"tiffin/internal/testservers"
	"tiffin/saga/lane"
	"tiffin/schemas"
)

func TestMenu(t *testing.T) {
	url := testservers.Postgres(t)
	if err := lane.Migrate(t.Context(), url, "", inventory.Group(), inventory.Migrations); err != nil {
		t.Fatal(err)
	}
	db, err := pgxpool.New(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(t.Context(), `insert into inventory.dishes
		(sku, restaurant_id, name, currency, price, free, held, sold, delivered) values
		('idli', 'r1', 'Idli', 'INR', 6000, 0, 0, 0, 0),
		('dosa', 'r1', 'Dosa', 'INR', 12000, 5, 2, 3, 10),
		('pav', 'r2', 'Pav Bhaji', 'INR', 9000, 1, 0, 0, 1),
		('lost', '', '', '', 0, 7, 0, 0, 7)`); err != nil { // delivered, but offered by nobody
		t.Fatal(err)
	}
	for restaurantID, want := range map[string][]inventory.Dish{
		"r1": {
			{SKU: "dosa", RestaurantID: "r1", Name: "Dosa", Price: schemas.Money{Currency: "INR", MinorUnits: 12_000}, Free: 5, Held: 2, Sold: 3, Delivered: 10},
			{SKU: "idli", RestaurantID: "r1", Name: "Idli", Price: schemas.Money{Currency: "INR", MinorUnits: 6_000}},
		},
		"r3": {},
	} {
		if got, err := inventory.Menu(t.Context(), db, restaurantID); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v, want %+v", restaurantID, got, err, want)
		}
	}
	if _, err := db.Exec(t.Context(), "update inventory.dishes set sold = 3, delivered = free + held + 3 where sku in ('pav', 'lost')"); err != nil {
		t.Fatal(err)
	}
	want := []inventory.Sold{{"dosa", 3}, {"lost", 3}}
	if got, err := inventory.TopSold(t.Context(), db, 2); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("top: %+v, %v, want %+v", got, err, want)
	}
}
