// Package azblob keeps snapshot objects as block blobs in a container of Azure Blob Storage.
package azblob
