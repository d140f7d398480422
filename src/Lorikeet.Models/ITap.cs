using Lorikeet.Tensors;

namespace Lorikeet.Models;

/// <summary>Sees activations at sites during a run; it must not change them.</summary>
public interface ITap
{
    /// <summary>Called with what a site reads, all rows of the batch.</summary>
    /// <param name="site">The site.</param>
    /// <param name="x">[rows, inputs]; default at an embedding.</param>
    void Input(Site site, in Tensor x);

    /// <summary>Called with what a site gives, adapters included.</summary>
    /// <param name="site">The site.</param>
    /// <param name="y">[rows, outputs].</param>
    void Output(Site site, in Tensor y);

    /// <summary>Called with the residual stream before the first block and after each.</summary>
    /// <param name="layer">-1 for the first block's input, else the block whose output it is.</param>
    /// <param name="h">[rows, hidden].</param>
    void Residual(int layer, in Tensor h)
    {
    }
}
