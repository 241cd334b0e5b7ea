package lane

// Connect opens a [Store] on PostgreSQL, for its tests.
var Connect = connect
