using Lorikeet.Tensors;

namespace Lorikeet.Models;

/// <summary>An adapter's change at one site: a differentiable function of the site's input and the base's answer.</summary>
public abstract class SiteAdapter : IDisposable
{
    /// <summary>What is trained here.</summary>
    public virtual IReadOnlyList<Parameter> Parameters => [];

    /// <summary>True where the change is a sum added to the base's answer, so that it can be weighed in a mixture of adapters.</summary>
    public virtual bool IsSum => false;

    /// <summary>The adapted answer: the method's one definition, used in training and, where nothing faster is known, in serving.</summary>
    /// <param name="call">Its rows, and the base.</param>
    /// <returns>[rows, outputs].</returns>
    public abstract Tensor Forward(in SiteCall call);

    /// <summary>Called before <see cref="Lower"/> where changes of one kind enter a batch together at one site: what they share can be made once for all.</summary>
    /// <param name="changes">The changes without a form, this one first.</param>
    public virtual void PrepareTogether(IReadOnlyList<SiteAdapter> changes)
    {
    }

    /// <summary>What the change becomes in a batch of many adapters; null: <see cref="Forward"/> runs on the adapter's rows.</summary>
    /// <remarks>A form is faster, never different. It is made once for finished parameters and belongs to the caller.</remarks>
    /// <param name="site">The site.</param>
    /// <param name="packer">Packs factors as they are to be kept; other parts are float32.</param>
    public virtual SiteForm? Lower(Site site, FactorPacker packer) => null;

    /// <summary>True where <see cref="Lower"/> reads nothing but this change's own parameters, so that those of several sites may run at once.</summary>
    public virtual bool LowersAlone => false;

    /// <summary>The effective weight in float32, W' [outputs, inputs], where the change can be folded into the weight.</summary>
    /// <param name="site">The site.</param>
    /// <param name="weight">W, row-major [outputs, inputs]; receives W'.</param>
    /// <param name="bias">The bias [outputs] (zeros where the site has none); receives the new bias.</param>
    /// <returns>False: the change cannot be folded in.</returns>
    public virtual bool Merge(Site site, Span<float> weight, Span<float> bias) => false;

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Frees the parameters.</summary>
    /// <param name="disposing">Always true: there is no finaliser.</param>
    protected virtual void Dispose(bool disposing)
    {
        foreach (Parameter parameter in Parameters)
        {
            parameter.Dispose();
        }
    }
}
