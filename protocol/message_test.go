package protocol

import (
	"bytes"
	"errors"
	"testing"

	"github.com/symphony-rtc/symphony/crdt/lib0"
)

// framed makes the frame that a payload arrives in: in the middle of a read buffer.
func framed(payload ...byte) Frame {
	buf := append(make([]byte, HeaderRoom+7), payload...)
	return FrameAt(buf, HeaderRoom+7, len(buf))
}

func TestM_MALFORMED(t *testing.T) {
	for name, payload := range map[string][]byte{
		"no bytes":                 {},
		"cut type":                 {0x80},
		"type over 2^53":           {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
		"auth is the server's":     {2, 0, 0},
		"unknown type":             {4},
		"hello is the server's":    {100, 0},
		"sync without step":        {0},
		"unknown step":             {0, 3, 0},
		"sync without body":        {0, 2},
		"body cut":                 {0, 2, 5, 1, 2},
		"body length without end":  {0, 2, 0xff},
		"body longer than memory":  {0, 2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f, 1},
		"awareness without length": {1},
		"awareness cut":            {1, 9, 1},
		"durable is the server's":  {101, 0},
		"event without client":     {102},
		"event without body":       {102, 1},
		"event cut":                {102, 1, 3, '1'},
		"E-JSON":                   {102, 1, 1, '{'},
		"E-JSON, UTF-8":            {102, 1, 3, '"', 0xff, '"'},
		"token cut":                {103, 2, 'a'},
		"storage is the server's":  {104, 0},
		"initial without body":     {105},
		"initial cut":              {105, 2, 0},
		"type of the future":       {106, 0},
	} {
		if _, err := Parse(payload); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: error %v, want ErrMalformed", name, err)
		}
	}
}

func TestE_JSON_size(t *testing.T) {
	event := func(n int) []byte {
		json := append(append([]byte{'"'}, bytes.Repeat([]byte{'x'}, n-2)...), '"')
		return lib0.AppendBytes([]byte{102, 1}, json)
	}
	if m, err := Parse(event(MaxEvent)); err != nil || m.Client != 1 || len(m.Body) != MaxEvent {
		t.Errorf("the largest event: client %d, %d bytes, error %v", m.Client, len(m.Body), err)
	}
	if _, err := Parse(event(MaxEvent + 1)); !errors.Is(err, ErrMalformed) {
		t.Errorf("a larger one: error %v, want ErrMalformed", err)
	}
}

func TestP_VARUINT(t *testing.T) {
	for _, v := range []uint64{0, 1, 127, 128, 1 << 14, 1<<32 + 5, 1<<53 - 1} {
		b := lib0.AppendUvarint(nil, v)
		got, next, err := readVarUint(b, 0)
		if err != nil || got != v || next != len(b) {
			t.Errorf("%d: read %d, %d of %d bytes, %v", v, got, next, len(b), err)
		}
	}
	if v, next, err := readVarUint([]byte{0x80, 0x00}, 0); v != 0 || next != 2 || err != nil {
		t.Errorf("80 00: %d, %d, %v", v, next, err)
	}
	if _, _, err := readVarUint(lib0.AppendUvarint(nil, 1<<53), 0); !errors.Is(err, ErrMalformed) {
		t.Errorf("2^53: %v, want ErrMalformed", err)
	}
}

func TestS_UPDATE_relayedInPlace(t *testing.T) {
	for name, payload := range map[string][]byte{
		"update":         {0, 2, 3, 7, 8, 9},
		"step 2":         {0, 1, 3, 7, 8, 9},
		"trailing bytes": {0, 2, 3, 7, 8, 9, 66, 66}, // P-TRAILING
		"long varUints":  {0x80, 0, 0x81, 0, 0x83, 0, 7, 8, 9},
	} {
		f := framed(payload...)
		m, err := Parse(f.Payload())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !bytes.Equal(m.Body, []byte{7, 8, 9}) {
			t.Errorf("%s: body % x", name, m.Body)
		}
		want := []byte{0x82, 6, 0, 2, 3, 7, 8, 9}
		if got := m.RelayFrame(f).Bytes(); !bytes.Equal(got, want) {
			t.Errorf("%s: relayed % x, want % x", name, got, want)
		}
	}
}

func TestFrameHeader(t *testing.T) {
	for _, c := range []struct {
		size   int
		header []byte
	}{
		{0, []byte{0x82, 0}},
		{125, []byte{0x82, 125}},
		{126, []byte{0x82, 126, 0, 126}},
		{65535, []byte{0x82, 126, 255, 255}},
		{65536, []byte{0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0}},
	} {
		payload := bytes.Repeat([]byte{5}, c.size)
		got := framed(payload...).Bytes()
		if !bytes.Equal(got, append(c.header, payload...)) {
			t.Errorf("payload of %d bytes: header % x, want % x", c.size, got[:len(got)-c.size], c.header)
		}
	}
}

func TestHelloAndDurableBytes(t *testing.T) {
	hello := Hello{Connection: "ab", Generation: 300, MaxMessage: 1}
	if got, want := hello.Frame().Payload(), []byte{100, 2, 'a', 'b', 0xac, 2, 1, 1}; !bytes.Equal(got, want) {
		t.Errorf("hello % x, want % x", got, want)
	}
	hello.ReadOnly = true
	if got := hello.Frame().Payload()[6]; got != 0 {
		t.Errorf("permission of a read-only hello is %d", got)
	}
	if got, want := AppendDurable(NewFrame(8), 300).Payload(), []byte{101, 0xac, 2}; !bytes.Equal(got, want) {
		t.Errorf("durable % x, want % x", got, want)
	}
}

func TestStorageAndInitialBytes(t *testing.T) {
	for _, c := range []struct {
		frame Frame
		want  []byte
	}{
		{StorageFrame(StorageFine, ""), []byte{104, 0, 0}},
		{StorageFrame(StorageDelayed, "ab"), []byte{104, 1, 2, 'a', 'b'}},
		{StorageFrame(StorageFull, "c"), []byte{104, 2, 1, 'c'}},
		{InitialFrame(true), []byte{105, 1}},
		{InitialFrame(false), []byte{105, 0}},
	} {
		if got := c.frame.Payload(); !bytes.Equal(got, c.want) {
			t.Errorf("% x, want % x", got, c.want)
		}
	}
	reason := bytes.Repeat([]byte("x"), 300)
	if got := StorageFrame(StorageFull, string(reason)).Payload(); !bytes.Equal(got, append([]byte{104, 2, 0xac, 2}, reason...)) {
		t.Errorf("a long reason: % x", got)
	}
}

func TestInitialIsParsedAndNotValidated(t *testing.T) {
	m, err := Parse([]byte{105, 3, 7, 8, 9, 66}) // P-TRAILING; 07 08 09 is no update, which is for the room to find out
	if err != nil || m.Type != TypeInitial || !bytes.Equal(m.Body, []byte{7, 8, 9}) {
		t.Errorf("%+v, %v", m, err)
	}
}

func TestCloseCodes(t *testing.T) {
	if !CloseDeleted.Final() || !CloseBadMessage.Final() || CloseRestarting.Final() || CloseTooMany.Final() {
		t.Error("4400 and 4410 must be final, 4501 and 4529 must not")
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range [][]byte{{0, 0, 1, 0}, {0, 1, 2, 0, 0}, {1, 4, 1, 5, 1, 0}, {3}, {105, 2, 0, 0}, {0x80, 0, 0x82, 0, 0}} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		frame := framed(bytes.Clone(payload)...)
		m, err := Parse(frame.Payload())
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Fatalf("error %v does not wrap ErrMalformed", err)
			}
			return
		}
		if m.Type == TypeQueryAwareness {
			return
		}
		body := bytes.Clone(m.Body)
		relayed, err := Parse(m.RelayFrame(frame).Payload())
		if err != nil || !bytes.Equal(relayed.Body, body) || relayed.Type != m.Type {
			t.Fatalf("relayed as %+v (%v), received %+v", relayed, err, m)
		}
	})
}
