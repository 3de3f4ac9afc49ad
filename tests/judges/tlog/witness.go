package main

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// A witness by C2SP tlog-cosignature: signature type 4, the time before the signature.
type witnessVerifier struct {
	name   string
	public ed25519.PublicKey
}

func parseWitness(key string) (*witnessVerifier, error) {
	parts := strings.SplitN(key, "+", 3)
	if len(parts) != 3 {
		return nil, errors.New("not a verifier key")
	}
	raw, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || len(raw) != 33 || raw[0] != 4 {
		return nil, errors.New("not the verifier key of a witness")
	}
	verifier := &witnessVerifier{parts[0], ed25519.PublicKey(raw[1:])}
	if fmt.Sprintf("%08x", verifier.KeyHash()) != parts[1] {
		return nil, errors.New("the key has another hash")
	}
	return verifier, nil
}

func (v *witnessVerifier) Name() string    { return v.name }
func (v *witnessVerifier) KeyHash() uint32 { return keyHash(v.name, 4, v.public) }
func (v *witnessVerifier) Verify(text, signature []byte) bool {
	if len(signature) != 8+ed25519.SignatureSize {
		return false
	}
	at := binary.BigEndian.Uint64(signature)
	return ed25519.Verify(v.public, cosigned(at, text), signature[8:])
}

type witnessSigner struct {
	name    string
	private ed25519.PrivateKey
	at      uint64
}

func (s witnessSigner) public() ed25519.PublicKey { return s.private.Public().(ed25519.PublicKey) }
func (s witnessSigner) Name() string              { return s.name }
func (s witnessSigner) KeyHash() uint32           { return keyHash(s.name, 4, s.public()) }
func (s witnessSigner) Sign(text []byte) ([]byte, error) {
	var at [8]byte
	binary.BigEndian.PutUint64(at[:], s.at)
	return append(at[:], ed25519.Sign(s.private, cosigned(s.at, text))...), nil
}

func cosigned(at uint64, text []byte) []byte {
	return append([]byte(fmt.Sprintf("cosignature/v1\ntime %d\n", at)), text...)
}

func keyHash(name string, kind byte, public []byte) uint32 {
	hash := sha256.Sum256(append([]byte(name+"\n"+string([]byte{kind})), public...))
	return binary.BigEndian.Uint32(hash[:])
}
