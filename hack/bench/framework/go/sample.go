package main

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// Sample is a typed object of about 5 kB, shaped like what a host's inspection finds; its schema is
// in ../sample_crd.yaml.
type Sample struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              SampleSpec `json:"spec"`
}

// SampleSpec is the part that weighs.
type SampleSpec struct {
	CPU     CPU    `json:"cpu"`
	NICs    []NIC  `json:"nics"`
	Storage []Disk `json:"storage"`
}

// CPU has one long list.
type CPU struct {
	Arch  string   `json:"arch"`
	Model string   `json:"model"`
	Count int      `json:"count"`
	Flags []string `json:"flags"`
}

// NIC is one of some twenty.
type NIC struct {
	Name      string `json:"name"`
	MAC       string `json:"mac"`
	IP        string `json:"ip"`
	Model     string `json:"model"`
	SpeedGbps int    `json:"speedGbps"`
	PXE       bool   `json:"pxe"`
}

// Disk is one of some twenty.
type Disk struct {
	Name         string `json:"name"`
	Model        string `json:"model"`
	SerialNumber string `json:"serialNumber"`
	WWN          string `json:"wwn"`
	SizeBytes    int64  `json:"sizeBytes"`
	Rotational   bool   `json:"rotational"`
}

// SampleList is a list of them.
type SampleList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata"`
	Items           []Sample `json:"items"`
}

// DeepCopyInto copies what is shared otherwise.
func (s *Sample) DeepCopyInto(out *Sample) {
	*out = *s
	s.ObjectMeta.DeepCopyInto(&out.ObjectMeta)
	out.Spec.CPU.Flags = slices.Clone(s.Spec.CPU.Flags)
	out.Spec.NICs = slices.Clone(s.Spec.NICs)
	out.Spec.Storage = slices.Clone(s.Spec.Storage)
}

// DeepCopyObject makes it a runtime.Object.
func (s *Sample) DeepCopyObject() runtime.Object {
	out := new(Sample)
	s.DeepCopyInto(out)
	return out
}

// DeepCopyObject makes it a runtime.Object.
func (l *SampleList) DeepCopyObject() runtime.Object {
	out := new(SampleList)
	*out = *l
	l.ListMeta.DeepCopyInto(&out.ListMeta)
	out.Items = make([]Sample, len(l.Items))
	for i := range l.Items {
		l.Items[i].DeepCopyInto(&out.Items[i])
	}
	return out
}
