// Orders by k6: an open loop at a rate, and each order is followed to its end.
//
//   go run go.k6.io/k6@v1.8.1 run -e RATE=20 -e DURATION=30s orders.js
//
// It orders from the demo data that `tiffin up` has. TARGET is where the APIs are, http://127.0.0.1:8080 if it is not set. P99 is the
// threshold of the 202, ENDED that of an order from there to its end, both in milliseconds. The demo's rules of fraud take a customer
// for a thief who pays more than a thousand times a minute: with two customers, keep RATE below 30.
import http from 'k6/http';
import { check } from 'k6';
import { Rate, Trend } from 'k6/metrics';

const target = __ENV.TARGET || 'http://127.0.0.1:8080';
const asPromised = new Rate('orders_ended_as_they_must');
const took = new Trend('order_duration', true);

// Who orders what, and how that must end.
const orders = [
  ...['masala-dosa', 'idli', 'medu-vada', 'lemon-rice', 'filter-coffee'].flatMap((sku) => [
    ['alice', 'annapurna', sku, 'completed'],
    ['bob', 'annapurna', sku, 'completed'],
  ]),
  ['alice', 'annapurna', 'mango-kulfi', 'cancelled'], // sold out
  ['carol', 'annapurna', 'idli', 'cancelled'], // too little money
  ['bob', 'tiny', 'tiny-paratha', 'cancelled'], // no room
];

export const options = {
  scenarios: {
    orders: {
      executor: 'constant-arrival-rate',
      rate: Number(__ENV.RATE || 10),
      timeUnit: '1s',
      duration: __ENV.DURATION || '10s',
      preAllocatedVUs: Number(__ENV.VUS || 50),
      maxVUs: Number(__ENV.MAX_VUS || 500),
      gracefulStop: '60s',
    },
  },
  thresholds: {
    checks: ['rate==1'],
    orders_ended_as_they_must: ['rate==1'],
    'http_req_duration{name:POST /orders}': [`p(99)<${__ENV.P99 || 50}`],
    order_duration: [`p(99)<${__ENV.ENDED || 10000}`],
    dropped_iterations: ['count==0'],
  },
};

export default function () {
  const [customerId, restaurantId, sku, end] = orders[Math.floor(Math.random() * orders.length)];
  const began = Date.now();
  const accepted = http.post(`${target}/orders`, JSON.stringify({ customerId, restaurantId, items: [{ sku, quantity: 1 }] }), {
    headers: { 'Content-Type': 'application/json' },
    tags: { name: 'POST /orders' },
  });
  if (!check(accepted, { 'accepted (202)': (r) => r.status === 202 })) return;
  const order = http.get(`${target}${accepted.headers.Location}`, {
    headers: { Prefer: 'wait=30' },
    tags: { name: 'GET /orders/{orderId}' },
    timeout: '40s',
  });
  check(order, { 'found (200)': (r) => r.status === 200 });
  asPromised.add(order.status === 200 && order.json('status') === end);
  took.add(Date.now() - began);
}
