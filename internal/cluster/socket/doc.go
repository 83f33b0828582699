// Package socket lets the processes of one machine share one cluster.Registry: the process that has it serves it over a Unix
// socket (Serve), the others see it as theirs (Dial).
//
// The lease of a host is its connection: when its process dies, the connection ends at once, and so do its claims. One that stands
// still sends no sign of life, and after the time to live its hosts are gone, too; when it wakes it hears of that on the same
// connection (Membership.Lost), and may join again.
package socket
