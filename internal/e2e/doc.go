// Package e2e tests the promises on the shipped binary, as processes that are stopped, killed and started again while
// orders come in, on real servers. After each, every order that got a 202 must have ended, and the books must balance.
package e2e
