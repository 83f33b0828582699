package ipc

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"reflect"
	"strings"
	"time"
)

// Protocol is what two processes speak: a name, with a number that rises when its meaning changes, and the types of its
// messages. Programs that do not agree on any of it do not talk.
type Protocol struct {
	Name  string
	Types []any // one value of each type that is packed
}

// text is the name and a hash of the layout of the types.
func (p Protocol) text() string {
	h := fnv.New64a()
	for _, v := range p.Types {
		fmt.Fprintln(h, layout(reflect.TypeOf(v)))
	}
	return fmt.Sprintf("%s (layout %016x)", p.Name, h.Sum64())
}

var (
	timeType  = reflect.TypeFor[time.Time]()
	bytesType = reflect.TypeFor[[]byte]()
)

func layout(t reflect.Type) string {
	switch {
	case t == timeType:
		return "time"
	case t.Kind() == reflect.Slice:
		return "[]" + layout(t.Elem())
	case t.Kind() == reflect.Struct:
		var b strings.Builder
		b.WriteString("{")
		for i := range t.NumField() {
			fmt.Fprintf(&b, "%s %s;", t.Field(i).Name, layout(t.Field(i).Type))
		}
		return b.String() + "}"
	}
	return t.Kind().String()
}

// Pack appends values: strings, bytes, booleans, numbers, times, slices and structs of those (all fields must be exported). Whatever
// else is a mistake of the program and panics. Times keep their instant only.
func Pack(dst []byte, values ...any) []byte {
	for _, v := range values {
		dst = pack(dst, reflect.ValueOf(v))
	}
	return dst
}

func pack(dst []byte, v reflect.Value) []byte {
	switch v.Kind() {
	case reflect.Bool:
		if v.Bool() {
			return append(dst, 1)
		}
		return append(dst, 0)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return binary.AppendVarint(dst, v.Int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return binary.AppendUvarint(dst, v.Uint())
	case reflect.Float64:
		return binary.LittleEndian.AppendUint64(dst, math.Float64bits(v.Float()))
	case reflect.String:
		dst = binary.AppendUvarint(dst, uint64(v.Len()))
		return append(dst, v.String()...)
	case reflect.Slice:
		dst = binary.AppendUvarint(dst, uint64(v.Len()))
		if v.Type() == bytesType {
			return append(dst, v.Bytes()...)
		}
		for i := range v.Len() {
			dst = pack(dst, v.Index(i))
		}
		return dst
	case reflect.Struct:
		if v.Type() == timeType {
			t := v.Interface().(time.Time)
			dst = binary.AppendVarint(dst, t.Unix())
			return binary.AppendUvarint(dst, uint64(t.Nanosecond()))
		}
		for i := range v.NumField() {
			dst = pack(dst, v.Field(i))
		}
		return dst
	}
	panic(fmt.Sprintf("ipc: a %v cannot be packed", v.Type()))
}

var errPacked = errors.New("malformed message: it does not have the form that its kind has")

// Unpack reads into the values that pointers point to what Pack wrote, and nothing else may follow. Bytes share memory with b.
func Unpack(b []byte, pointers ...any) error {
	u := unpacker{b: b}
	for _, p := range pointers {
		u.value(reflect.ValueOf(p).Elem())
	}
	if u.bad || len(u.b) > 0 {
		return errPacked
	}
	return nil
}

type unpacker struct {
	b   []byte
	bad bool
}

func (u *unpacker) uint() uint64 {
	v, n := binary.Uvarint(u.b)
	if n <= 0 {
		u.bad, u.b = true, nil
		return 0
	}
	u.b = u.b[n:]
	return v
}

func (u *unpacker) int() int64 {
	v, n := binary.Varint(u.b)
	if n <= 0 {
		u.bad, u.b = true, nil
		return 0
	}
	u.b = u.b[n:]
	return v
}

func (u *unpacker) take(n uint64) []byte {
	if n > uint64(len(u.b)) {
		u.bad, u.b = true, nil
		return nil
	}
	b := u.b[:n:n]
	u.b = u.b[n:]
	return b
}

func (u *unpacker) value(v reflect.Value) {
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(string(u.take(1)) == "\x01")
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(u.int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(u.uint())
	case reflect.Float64:
		if b := u.take(8); b != nil {
			v.SetFloat(math.Float64frombits(binary.LittleEndian.Uint64(b)))
		}
	case reflect.String:
		v.SetString(string(u.take(u.uint())))
	case reflect.Slice:
		u.slice(v)
	case reflect.Struct:
		if v.Type() == timeType {
			seconds, nanos := u.int(), u.uint()
			t := time.Time{}
			if seconds != t.Unix() || nanos != 0 {
				t = time.Unix(seconds, int64(nanos))
			}
			v.Set(reflect.ValueOf(t))
			return
		}
		for i := range v.NumField() {
			u.value(v.Field(i))
		}
	default:
		panic(fmt.Sprintf("ipc: a %v cannot be unpacked", v.Type()))
	}
}

func (u *unpacker) slice(v reflect.Value) {
	n := u.uint()
	if v.Type() == bytesType {
		v.SetBytes(u.take(n))
		return
	}
	if n > uint64(len(u.b)/least(v.Type().Elem())) { // memory for them is taken at once
		u.bad, u.b = true, nil
	}
	if u.bad || n == 0 {
		v.SetZero()
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), int(n), int(n)))
	for i := range int(n) {
		u.value(v.Index(i))
	}
}

// least is how many bytes a value of a type takes at least; 1 if that is none.
func least(t reflect.Type) int {
	switch {
	case t == timeType:
		return 2
	case t.Kind() == reflect.Float64:
		return 8
	case t.Kind() == reflect.Struct:
		n := 0
		for i := range t.NumField() {
			n += least(t.Field(i).Type)
		}
		return max(n, 1)
	}
	return 1
}
