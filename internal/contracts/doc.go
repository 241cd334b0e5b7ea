// Package contracts keeps the two documents in package schemas that describe Tiffin to the outside true to the code.
//
// asyncapi.yaml is written by a test, from the facts and from what the groups declare, and read by another one that puts
// real records beside it. openapi.yaml is written by hand, and compared with the routes of all APIs, with the structs of
// their bodies and answers, and with what real requests are answered. Both are checked against the standards themselves.
//
// After a change of facts or groups that is meant:
//
//	TIFFIN_UPDATE=1 go test ./internal/contracts
package contracts
