"""Field numbers of the built-in kinds on the wire, as far as clients send them in protobuf.

One message a paragraph: its name, then ``number:field=type``. Types: s string, b bytes, i integer,
? boolean, d double, another message by name; ``*`` repeats, ``{`` is a map from strings.
"""

from typing import Final

TABLES: Final = """
authn.ExtraValue 1:items=*s
authn.SelfSubjectReview 1:metadata=meta.ObjectMeta 2:status=authn.SelfSubjectReviewStatus
authn.SelfSubjectReviewStatus 1:userInfo=authn.UserInfo
authn.TokenReview 1:metadata=meta.ObjectMeta 2:spec=authn.TokenReviewSpec
  3:status=authn.TokenReviewStatus
authn.TokenReviewSpec 1:token=s 2:audiences=*s
authn.TokenReviewStatus 1:authenticated=? 2:user=authn.UserInfo 3:error=s 4:audiences=*s
authn.UserInfo 1:username=s 2:uid=s 3:groups=*s 4:extra={authn.ExtraValue
authz.ExtraValue 1:items=*s
authz.FieldSelectorAttributes 1:rawSelector=s 2:requirements=*meta.FieldSelectorRequirement
authz.LabelSelectorAttributes 1:rawSelector=s 2:requirements=*meta.LabelSelectorRequirement
authz.LocalSubjectAccessReview 1:metadata=meta.ObjectMeta 2:spec=authz.SubjectAccessReviewSpec
  3:status=authz.SubjectAccessReviewStatus
authz.NonResourceAttributes 1:path=s 2:verb=s
authz.ResourceAttributes 1:namespace=s 2:verb=s 3:group=s 4:version=s 5:resource=s
  6:subresource=s 7:name=s 8:fieldSelector=authz.FieldSelectorAttributes
  9:labelSelector=authz.LabelSelectorAttributes
authz.SelfSubjectAccessReview 1:metadata=meta.ObjectMeta
  2:spec=authz.SelfSubjectAccessReviewSpec 3:status=authz.SubjectAccessReviewStatus
authz.SelfSubjectAccessReviewSpec 1:resourceAttributes=authz.ResourceAttributes
  2:nonResourceAttributes=authz.NonResourceAttributes
authz.SubjectAccessReview 1:metadata=meta.ObjectMeta 2:spec=authz.SubjectAccessReviewSpec
  3:status=authz.SubjectAccessReviewStatus
authz.SubjectAccessReviewSpec 1:resourceAttributes=authz.ResourceAttributes
  2:nonResourceAttributes=authz.NonResourceAttributes 3:user=s 4:groups=*s
  5:extra={authz.ExtraValue 6:uid=s
authz.SubjectAccessReviewStatus 1:allowed=? 2:reason=s 3:evaluationError=s 4:denied=?
coord.Lease 1:metadata=meta.ObjectMeta 2:spec=coord.LeaseSpec
coord.LeaseSpec 1:holderIdentity=s 2:leaseDurationSeconds=i 3:acquireTime=meta.MicroTime
  4:renewTime=meta.MicroTime 5:leaseTransitions=i 6:strategy=s 7:preferredHolder=s
core.ClientIPConfig 1:timeoutSeconds=i
core.ConfigMap 1:metadata=meta.ObjectMeta 2:data={s 3:binaryData={b 4:immutable=?
core.EndpointAddress 1:ip=s 2:targetRef=core.ObjectReference 3:hostname=s 4:nodeName=s
core.EndpointPort 1:name=s 2:port=i 3:protocol=s 4:appProtocol=s
core.EndpointSubset 1:addresses=*core.EndpointAddress 2:notReadyAddresses=*core.EndpointAddress
  3:ports=*core.EndpointPort
core.Endpoints 1:metadata=meta.ObjectMeta 2:subsets=*core.EndpointSubset
core.Event 1:metadata=meta.ObjectMeta 2:involvedObject=core.ObjectReference 3:reason=s
  4:message=s 5:source=core.EventSource 6:firstTimestamp=meta.Time 7:lastTimestamp=meta.Time
  8:count=i 9:type=s 10:eventTime=meta.MicroTime 11:series=core.EventSeries 12:action=s
  13:related=core.ObjectReference 14:reportingComponent=s 15:reportingInstance=s
core.EventSeries 1:count=i 2:lastObservedTime=meta.MicroTime
core.EventSource 1:component=s 2:host=s
core.LoadBalancerIngress 1:ip=s 2:hostname=s 3:ipMode=s 4:ports=*core.PortStatus
core.LoadBalancerStatus 1:ingress=*core.LoadBalancerIngress
core.LocalObjectReference 1:name=s
core.Namespace 1:metadata=meta.ObjectMeta 2:spec=core.NamespaceSpec
  3:status=core.NamespaceStatus
core.NamespaceCondition 1:type=s 2:status=s 4:lastTransitionTime=meta.Time 5:reason=s
  6:message=s
core.NamespaceSpec 1:finalizers=*s
core.NamespaceStatus 1:phase=s 2:conditions=*core.NamespaceCondition
core.ObjectReference 1:kind=s 2:namespace=s 3:name=s 4:uid=s 5:apiVersion=s 6:resourceVersion=s
  7:fieldPath=s
core.PortStatus 1:port=i 2:protocol=s 3:error=s
core.Secret 1:metadata=meta.ObjectMeta 2:data={b 3:type=s 4:stringData={s 5:immutable=?
core.Service 1:metadata=meta.ObjectMeta 2:spec=core.ServiceSpec 3:status=core.ServiceStatus
core.ServiceAccount 1:metadata=meta.ObjectMeta 2:secrets=*core.ObjectReference
  3:imagePullSecrets=*core.LocalObjectReference 4:automountServiceAccountToken=?
core.ServicePort 1:name=s 2:protocol=s 3:port=i 4:targetPort=IntOrString 5:nodePort=i
  6:appProtocol=s
core.ServiceSpec 1:ports=*core.ServicePort 2:selector={s 3:clusterIP=s 4:type=s 5:externalIPs=*s
  7:sessionAffinity=s 8:loadBalancerIP=s 9:loadBalancerSourceRanges=*s 10:externalName=s
  11:externalTrafficPolicy=s 12:healthCheckNodePort=i 13:publishNotReadyAddresses=?
  14:sessionAffinityConfig=core.SessionAffinityConfig 17:ipFamilyPolicy=s 18:clusterIPs=*s
  19:ipFamilies=*s 20:allocateLoadBalancerNodePorts=? 21:loadBalancerClass=s
  22:internalTrafficPolicy=s 23:trafficDistribution=s
core.ServiceStatus 1:loadBalancer=core.LoadBalancerStatus 2:conditions=*meta.Condition
core.SessionAffinityConfig 1:clientIP=core.ClientIPConfig
events.Event 1:metadata=meta.ObjectMeta 2:eventTime=meta.MicroTime 3:series=events.EventSeries
  4:reportingController=s 5:reportingInstance=s 6:action=s 7:reason=s
  8:regarding=core.ObjectReference 9:related=core.ObjectReference 10:note=s 11:type=s
  12:deprecatedSource=core.EventSource 13:deprecatedFirstTimestamp=meta.Time
  14:deprecatedLastTimestamp=meta.Time 15:deprecatedCount=i
events.EventSeries 1:count=i 2:lastObservedTime=meta.MicroTime
meta.Condition 1:type=s 2:status=s 3:observedGeneration=i 4:lastTransitionTime=meta.Time
  5:reason=s 6:message=s
meta.DeleteOptions 1:gracePeriodSeconds=i 2:preconditions=meta.Preconditions
  3:orphanDependents=? 4:propagationPolicy=s 5:dryRun=*s
  6:ignoreStoreReadErrorWithClusterBreakingPotential=?
meta.FieldSelectorRequirement 1:key=s 2:operator=s 3:values=*s
meta.LabelSelector 1:matchLabels={s 2:matchExpressions=*meta.LabelSelectorRequirement
meta.LabelSelectorRequirement 1:key=s 2:operator=s 3:values=*s
meta.ManagedFieldsEntry 1:manager=s 2:operation=s 3:apiVersion=s 4:time=meta.Time 6:fieldsType=s
  7:fieldsV1=meta.FieldsV1 8:subresource=s
meta.ObjectMeta 1:name=s 2:generateName=s 3:namespace=s 4:selfLink=s 5:uid=s 6:resourceVersion=s
  7:generation=i 8:creationTimestamp=meta.Time 9:deletionTimestamp=meta.Time
  10:deletionGracePeriodSeconds=i 11:labels={s 12:annotations={s
  13:ownerReferences=*meta.OwnerReference 14:finalizers=*s
  17:managedFields=*meta.ManagedFieldsEntry
meta.OwnerReference 1:kind=s 3:name=s 4:uid=s 5:apiVersion=s 6:controller=?
  7:blockOwnerDeletion=?
meta.Preconditions 1:uid=s 2:resourceVersion=s
rbac.AggregationRule 1:clusterRoleSelectors=*meta.LabelSelector
rbac.ClusterRole 1:metadata=meta.ObjectMeta 2:rules=*rbac.PolicyRule
  3:aggregationRule=rbac.AggregationRule
rbac.ClusterRoleBinding 1:metadata=meta.ObjectMeta 2:subjects=*rbac.Subject
  3:roleRef=rbac.RoleRef
rbac.PolicyRule 1:verbs=*s 2:apiGroups=*s 3:resources=*s 4:resourceNames=*s 5:nonResourceURLs=*s
rbac.Role 1:metadata=meta.ObjectMeta 2:rules=*rbac.PolicyRule
rbac.RoleBinding 1:metadata=meta.ObjectMeta 2:subjects=*rbac.Subject 3:roleRef=rbac.RoleRef
rbac.RoleRef 1:apiGroup=s 2:kind=s 3:name=s
rbac.Subject 1:kind=s 2:apiGroup=s 3:name=s 4:namespace=s
"""
