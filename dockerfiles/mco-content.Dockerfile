# The content image: a base, with a rendered config applied to it by the base's own Ignition.
#
# layerwright hands every image in by digest and leaves out what a config has no use for: a line
# that begins with "#@" names the part below it, and says when the part is there.

# The rendered-config image.
ARG MACHINECONFIG
# The base.
ARG BASE
#@ with an extensions image
# The image with the packages of extensions and kernels.
ARG EXTENSIONS
FROM ${EXTENSIONS} AS extensions
LABEL stage=extensions
#@ always
# buildah 1.28 ends with "identifier is not an image" when a stage has no step and its image is in
# storage that is only read: hence the labels, which no image keeps.
FROM ${MACHINECONFIG} AS machineconfig
LABEL stage=machineconfig

FROM ${BASE}

COPY --from=machineconfig /machine-config-ignition.json /etc/machine-config-ignition.json

# ignition-apply is Ignition under another name, and bash is the shell that can give it one.
RUN ignition=/usr/lib/dracut/modules.d/30ignition/ignition; \
    [ -x "$ignition" ] || ignition=/usr/libexec/ignition-apply; \
    container=oci exec bash -c 'exec -a ignition-apply "$0" --ignore-unsupported /etc/machine-config-ignition.json' "$ignition"
RUN rm /etc/machine-config-ignition.json
#@ with packages from the base's repositories
# Extensions and kernel type: what origin.d asks for.
RUN rpm-ostree ex rebuild
#@ with an extensions image
# Extensions and kernel type: what origin.d asks for, from the extensions image's repository.
RUN --mount=type=bind,from=extensions,source=/usr/share/rpm-ostree/extensions,target=/run/extensions \
    printf '[layerwright-extensions]\nname=extensions\nbaseurl=file:///run/extensions\nenabled=1\ngpgcheck=0\n' > /etc/yum.repos.d/layerwright-extensions.repo && \
    rpm-ostree ex rebuild && \
    rm /etc/yum.repos.d/layerwright-extensions.repo
#@ the clean-ups of src/image/cleanup.rs, as one RUN
