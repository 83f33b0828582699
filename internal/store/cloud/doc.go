// Package cloud has what the adapters of object storage services share: an HTTP transport that gives up on a connection
// that stands still, a look at the requests that a client library makes, downloads that are whole or fail, and the
// answer to "does this object exist because my first attempt stored it?".
package cloud
