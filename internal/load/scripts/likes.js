// Likes by k6: an open loop at a rate, posts by Zipf's law, thresholds that fail the run.
//
//   go run go.k6.io/k6@v1.8.1 run -e RATE=2000 -e DURATION=30s likes.js
//
// TARGET is where the APIs are, http://127.0.0.1:8080 if it is not set. BATCH sends so many likes in one request, as NDJSON;
// RATE counts requests. P99 is the threshold of the 202, in milliseconds. Whether each like counts, `tiffin load likes` verifies.
import http from 'k6/http';
import { check } from 'k6';

const target = __ENV.TARGET || 'http://127.0.0.1:8080';
const rate = Number(__ENV.RATE || 500);
const batch = Number(__ENV.BATCH || 0);
const users = Number(__ENV.USERS || 5000000);
const posts = Number(__ENV.POSTS || 10000);
const run = `k6-${Date.now().toString(36)}`;

// The kth post gets 1/k^1.07 of what the first one gets: the sums up to k, to be searched for a random part of the whole.
const sums = [];
for (let k = 1, sum = 0; k <= posts; k++) {
  sum += 1 / Math.pow(k, 1.07);
  sums.push(sum);
}

export const options = {
  scenarios: {
    likes: {
      executor: 'constant-arrival-rate',
      rate: rate,
      timeUnit: '1s',
      duration: __ENV.DURATION || '10s',
      preAllocatedVUs: Number(__ENV.VUS || 50),
      maxVUs: Number(__ENV.MAX_VUS || 500),
    },
  },
  thresholds: {
    checks: ['rate==1'],
    http_req_failed: ['rate==0'],
    http_req_duration: [`p(99)<${__ENV.P99 || 20}`],
    dropped_iterations: ['count==0'],
  },
};

function post() {
  const x = Math.random() * sums[posts - 1];
  let low = 0;
  let high = posts - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sums[middle] < x) low = middle + 1;
    else high = middle;
  }
  return `${run}-${low}`;
}

const user = () => `u${Math.floor(Math.random() * users)}`;

function lines() {
  let body = '';
  for (let i = 0; i < batch; i++) {
    body += `{"postId":"${post()}","userId":"${user()}","action":"like"}\n`;
  }
  return body;
}

export default function () {
  const response = batch
    ? http.post(`${target}/likes`, lines(), { headers: { 'Content-Type': 'application/x-ndjson' } })
    : http.post(`${target}/posts/${post()}/likes`, `{"userId":"${user()}"}`, {
        headers: { 'Content-Type': 'application/json' },
        tags: { name: 'POST /posts/{postId}/likes' },
      });
  check(response, { 'accepted (202)': (r) => r.status === 202 });
}
