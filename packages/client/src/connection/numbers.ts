// The numbers of docs/protocol.md. A file of their own, without imports, is what bundlers can put in where they are used.

/** Types of messages. */
export const sync = 0
export const awareness = 1
export const auth = 2
export const query = 3
export const hello = 100
export const durable = 101
export const event = 102
export const token = 103
export const storage = 104
export const initial = 105

/** Steps of sync messages. */
export const step1 = 0
export const step2 = 1
export const update = 2

/** Most bytes of JSON in an event or a presence state. */
export const maxJSON = 1_048_576

/** How many bytes a server takes in one message if it does not say. */
export const defaultMaxMessage = 67_108_864
