package wire

// ParseMark reads the text of a [Mark].
var ParseMark = parseMark
